"""The commands that need a key, against a `careline serve` of its own; and asking without one."""

import asyncio
import json
from pathlib import Path

from tests.app.careline_process import run, start, write_script


async def test_a_key_asks_and_looks_tickets_over_and_nobody_is_needed_for_one_question(
    tmp_path: Path,
) -> None:
    data, engine = tmp_path / "data", write_script(tmp_path)
    tickets = tmp_path / "tickets.jsonl"
    tickets.write_text('{"text": "Where is my parcel?"}\n{"text": "Refund me at once!"}\n')
    serving = await start(data, engine)
    url = f"--url={serving.http_url}"

    made = await run("key", "create", "--name=Shell", "--scope=answers:create", f"--data={data}")
    key = f"--key={made[1].split()[-1]}"
    asked, refused, sorted_out, in_use = await asyncio.gather(
        run("ask", "Do you sell bicycles?", url, key),
        run("ask", "Hi", url, "--key=ck_live_wrong"),
        run("triage", str(tickets), url, key),
        run("ask", "Hi", "--local", f"--data={data}", f"--engine={engine}"),
    )
    await serving.stop()
    local = await run(
        "ask", "Do you sell bicycles?", "--local", f"--data={data}", f"--engine={engine}"
    )

    assert made[0] == asked[0] == local[0] == 0, (made, asked, local)
    assert "(unknown: no_evidence)" in asked[1] and "(unknown: no_evidence)" in local[1]
    assert (refused[0], "error not_signed_in:" in refused[1]) == (1, True)
    assert (in_use[0], "error data_folder_in_use:" in in_use[1]) == (1, True)
    assert sorted_out[0] == 0, sorted_out[1]
    results = (tmp_path / "tickets.results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in results]
    assert [(row["line"], row["intent"]["name"]) for row in rows] == [
        (1, "order_status"),
        (2, "refund"),
    ]
    assert rows[1]["priority"] == {"level": "urgent", "reason": "says_urgent"}
