"""The inference engine: wire messages, client, prompts, decoding, memory."""
