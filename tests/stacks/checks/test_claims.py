"""The architecture's promises are proved from what is there, and what breaks one is seen by that one."""


def test_what_the_stacks_build_is_as_promised(built):
    found = built.look()
    wrong = {claim: finding for claim, (ok, finding) in found.items() if not ok}
    assert wrong == {}
    numbers = [int(claim.partition(".")[0]) for claim in found if claim[0].isdigit()]
    assert sorted(numbers) == list(range(1, 12))
    for claim, (_, finding) in found.items():
        if claim[0].isdigit():
            assert finding["result"] == "pass"
            assert finding["looked at"], claim
            assert finding["why"], claim
