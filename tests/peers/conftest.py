"""The patient calls begin with the first test of this folder, whichever that is."""

from collections.abc import Iterator

import pytest

from support.patient_calls import PatientCalls


@pytest.fixture(scope="session")
def patient_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatientCalls]:
    calls = PatientCalls(tmp_path_factory.mktemp("patient"))
    yield calls
    calls.close()


@pytest.fixture(scope="session", autouse=True)
def _patient_calls_first(request: pytest.FixtureRequest) -> None:
    wanted = (getattr(item, "fixturenames", ()) for item in request.session.items)
    if any("patient_calls" in names for names in wanted):
        request.getfixturevalue("patient_calls")
