"""Packs the SWIG binding as the wheel `pjsua2-python`; wheel.py copies it beside its files."""

import json
from pathlib import Path

from setuptools import Extension, setup

build = json.loads(Path("build.json").read_text())

setup(
    name="pjsua2-python",  # the index's name for it, so that one requirement is met by either
    version=build["version"],
    description="PJSUA2 of pjproject, built for many calls",
    license="GPL-2.0-or-later",
    license_files=["COPYING"],
    packages=["pjsua2"],
    ext_modules=[Extension("pjsua2._pjsua2", ["pjsua2_wrap.cpp"], **build["extension"])],
)
