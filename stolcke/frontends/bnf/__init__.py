"""Grammars in the notations of inference engines: GBNF of llama.cpp, and the EBNF of xgrammar, SGLang and vLLM."""
