#!/bin/sh
# Makes the recorded prompts (24 kHz mono 16 bit) of the bridge (bridge/playout/prompts/) and of the local
# agent (bridge/agent/speech/prompts/) with
# espeak-ng, whose output may be used freely. The files are committed: run this only to change them.
#
#   sudo apt-get install espeak-ng
#   PYTHON=.venv/bin/python scripts/sound/make_prompts.sh
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-"$here/.venv/bin/python"}
voice=${VOICE:-en-us+f3}

command -v espeak-ng >/dev/null || {
    echo "espeak-ng is missing: apt-get install espeak-ng" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# speak FOLDER NAME WORDS_PER_MINUTE TEXT; the texts stand again in prompts.py and sounds.py
speak() {
    mkdir -p "$here/$1"
    espeak-ng -v "$voice" -s "$3" -p 45 -w "$work/$2.wav" "$4"
    "$python" "$here/scripts/sound/level_prompt.py" "$work/$2.wav" "$here/$1/$2.wav"
}

speak bridge/agent/speech/prompts greeting 165 "Hello! This is the local agent. Please say something."
speak bridge/agent/speech/prompts listening 165 "I am listening."
speak bridge/playout/prompts sorry 160 "Sorry, we have a technical problem. Please call again later."
speak bridge/playout/prompts recorded 160 "This call is recorded."
speak bridge/playout/prompts may-we-record 160 "May we record this call? Press 1 for yes, or 2 for no."
speak bridge/playout/prompts a-caller-waits 160 "A caller is waiting to speak with you."
speak bridge/playout/prompts accept-or-decline 160 "Press 1 to take the call, or 2 to decline it."
speak bridge/playout/prompts caller-gone 160 "The caller has hung up. Goodbye."
