"""Resources of no service, for what is decided without AWS; and accounts in which some of them exist."""

from hypothesis import strategies as st

from runbook_lib.resources.base import Observed, Resource, ids_of, kind
from runbook_lib.resources.predictions import Remainder
from runbook_lib.stacks.stack import Stack, in_order


@kind
class Thing(Resource):
    """Has a size, which can be changed, a shape, which cannot, and stands on others."""

    size: int = 1
    shape: str = "round"
    on: tuple[Resource, ...] = ()
    beside: Resource | None = None

    immutable = frozenset({"shape"})

    def observe(self, look, ids):
        raise AssertionError("what is decided without AWS must not ask it")

    def create(self, aws, ids):
        raise AssertionError("what is decided without AWS must not write")

    def delete(self, aws, ids, seen):
        raise AssertionError("what is decided without AWS must not write")


@kind
class ExternalThing(Thing):
    external = True


@kind
class ImplicitThing(Thing):
    implicit = True


@kind
class KeptThing(Thing):
    @property
    def retain(self):
        return "it is dear to us"

    @property
    def prevent_destroy(self):
        return f"{self.name} is protected"


@kind
class LeavingThing(Thing):
    def left_behind(self, observed):
        return Remainder(f"{observed.id}-final", "a snapshot")


def there(*resources, size=None, **ids):
    """Sightings of an account in which these are as they are wanted, and ready; ids are made up or given by name."""
    seen = {}
    for number, resource in enumerate(in_order(resources)):
        name = ids.get(resource.name, f"thing-{number + 0x0A1B2C3D:08x}")
        state = dict(resource.desired(ids_of(seen)))
        seen[resource] = Observed(name, state if size is None else state | {"size": size})
    return seen


@st.composite
def layouts(draw, most=7):
    """Things as an operator might declare them: each stands on any of the earlier ones."""
    made = []
    for number in range(draw(st.integers(1, most))):
        on = draw(st.lists(st.sampled_from(made), unique=True, max_size=3)) if made else []
        beside = draw(st.none() | st.sampled_from(made)) if made else None
        made.append(Thing(name=f"t{number}", size=draw(st.integers(0, 3)), on=tuple(on), beside=beside))
    return made


@st.composite
def accounts(draw, things):
    """Which of them exist, with all they need, as AWS would report them: under ids that nobody chose."""
    some = draw(st.lists(st.sampled_from(things), unique=True)) if things else []
    seen = dict.fromkeys(in_order(things))
    for thing in in_order(some):
        id = f"thing-{draw(st.integers(0, 16**17 - 1)):017x}"
        state = dict(thing.desired(ids_of(seen)))
        seen[thing] = Observed(id, state | {"size": draw(st.just(thing.size) | st.integers(0, 3))})
    return seen


def stack_of(*things, name="stack"):
    return Stack(name, all=things)
