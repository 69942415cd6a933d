from sipua.bridge.agent.speech.formats import PCM, PCMU, Clip
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.agent.speech.speaker import Speaker, tone
from support.media.audio import level_dbfs

HEARD = Clip(b"\x01\x00" * 4800, PCM, "[0.2 s of speech]")


def test_the_greeting_comes_first_and_once() -> None:
    speaker = Speaker("parrot", greeting=True)
    assert speaker.reply(None, PCM) == prompt("greeting")
    assert speaker.reply(None, PCM) == prompt("listening")


def test_without_a_greeting_it_waits_for_the_caller() -> None:
    speaker = Speaker("tone", greeting=False)
    assert speaker.reply(None, PCM) is None
    assert speaker.reply(None, PCM) == prompt("listening")


def test_a_parrot_says_back_what_it_heard() -> None:
    speaker = Speaker("parrot", greeting=True)
    assert speaker.reply(HEARD, PCM) == HEARD
    assert speaker.reply(None, PCM) == prompt("listening")


def test_a_tone_answers_each_turn() -> None:
    speaker = Speaker("tone", greeting=True)
    assert speaker.reply(HEARD, PCM) == speaker.reply(HEARD, PCM) == tone()
    assert tone().duration_ms == 1000
    assert -21 < level_dbfs(PCM.decode(tone().data)) < -19


def test_silence_never_speaks() -> None:
    speaker = Speaker("silence", greeting=True)
    assert [speaker.reply(heard, PCM) for heard in (None, HEARD, None)] == [None] * 3


def test_the_answer_has_the_format_that_was_asked_for() -> None:
    clip = Speaker("tone", greeting=True).reply(HEARD, PCMU)
    assert clip is not None
    assert clip.format == PCMU
    assert abs(clip.duration_ms - 1000) <= 2
