"""The probabilities of tokens come with the bytes that the tokens stand for."""

from pathlib import Path

from inference import Engine, EngineConfig, SamplingParams


def test_the_bytes_of_the_tokens_told_spell_the_answer(tiny_target: Path) -> None:
    engine = Engine(EngineConfig(model=str(tiny_target), device="cpu", num_blocks=64))
    params = SamplingParams(max_tokens=24, temperature=1.0, seed=3, ignore_eos=True, logprobs=4)

    [output] = engine.generate(["Où est mon colis ?"], params)
    engine.close()

    said = b"".join(one.spelled[one.token_id] for one in output.logprobs)
    assert said.decode(errors="replace") == output.text
    for one in output.logprobs:
        assert one.spelled.keys() == {one.token_id, *one.top}
