"""Generates the Piper's URDF, MJCF, USD, meshes and cuRobo configurations from robots/piper/robot.yaml.

    python scripts/generate_piper.py                               # into robots/piper, variant current
    python scripts/generate_piper.py --variant old-dh --out DIR

USD needs usd-core (pip install usd-core).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.description.generate import write_description
from harness.description.model import load_description
from harness.errors import HarnessError

FOLDER = Path(__file__).resolve().parent.parent / "robots" / "piper"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="current", help="one of robot.yaml's variants (default: current)")
    parser.add_argument("--out", type=Path, help="where to (default for the variant current: robots/piper)")
    arguments = parser.parse_args()
    if arguments.out is None and arguments.variant != "current":
        parser.error("robots/piper holds the variant current; name another folder with --out DIR")
    try:
        robot = load_description(FOLDER / "robot.yaml", arguments.variant)
        written = write_description(robot, arguments.out or FOLDER)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(written)} files in {arguments.out or FOLDER}, {sum(path.stat().st_size for path in written) / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
