"""Change the parameter files in the root of a test."""

import yaml


def changed(root, **sections):
    """Change the parameters of `local`: other values in some sections."""
    path = root / "params" / "local.yaml"
    raw = yaml.safe_load(path.read_text())
    for name, fields in sections.items():
        raw[name] = raw[name] | fields if isinstance(fields, dict) and isinstance(raw.get(name), dict) else fields
    path.write_text(yaml.safe_dump(raw))
