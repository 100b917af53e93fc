"""How tests and benchmarks ask a script: one JSON job per line of standard input ({"do": NAME, ...arguments}), one line of answer each."""

import json
import sys
import traceback


def serve(functions, answers):
    """Does the jobs, by the names of the functions (`open_`: open), until the input ends."""
    jobs = {f.__name__.removesuffix("_"): f for f in functions}
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = json.dumps({"result": jobs[job.pop("do")](**job)}, allow_nan=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked reports it
            answer = json.dumps({"error": "".join(traceback.format_exception(error))})
        print(answer, file=answers, flush=True)
