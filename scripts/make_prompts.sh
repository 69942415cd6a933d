#!/bin/sh
# Makes the local agent's recorded prompts (bridge/agent/prompts/*.wav, 24 kHz mono 16 bit) with
# espeak-ng, whose output may be used freely. The files are committed: run this only to change them.
#
#   sudo apt-get install espeak-ng
#   PYTHON=.venv/bin/python scripts/make_prompts.sh
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
out="$here/bridge/agent/prompts"
python=${PYTHON:-"$here/.venv/bin/python"}
voice=${VOICE:-en-us+f3}

command -v espeak-ng >/dev/null || {
    echo "espeak-ng is missing: apt-get install espeak-ng" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# speak NAME WORDS_PER_MINUTE TEXT; the texts stand again in bridge/agent/prompts.py as transcripts
speak() {
    espeak-ng -v "$voice" -s "$2" -p 45 -w "$work/$1.wav" "$3"
    "$python" "$here/scripts/level_prompt.py" "$work/$1.wav" "$out/$1.wav"
}

speak greeting 165 "Hello! This is the local agent. Please say something."
speak listening 165 "I am listening."
