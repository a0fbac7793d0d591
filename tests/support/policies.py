"""A small household's settings as YAML, for tests of its escalation policy."""

HOUSE = """\
upstreams:
  ollama:
    kind: openai_compatible
    base_url: "http://127.0.0.1:11434/v1"
    models: {small: {context_length: 40000}}
  claude: {kind: anthropic, api_key_env: ANTHROPIC_API_KEY}
modes:
  resting: {upstream: ollama, model: small}
  active: {upstream: ollama, model: large}
  burst: {upstream: claude, model: claude-opus-4-5}
"""
RULES = """\
escalation:
  rules:
    - {name: finances, when: {skill: "finance*"}, private: true}
    - {name: very-long, when: {min_input_tokens: 60000}, then: burst}
    - {name: tools-offered, when: {tools: true}, then: active}
"""
