"""Pictures of graphs and runs: pure functions of what they are given.

Nothing here knows the engine, opens anything or waits. `graph` is what is drawn;
`layout` places it, by `layers`, `crossings` and `coordinates`; `svg`, `mermaid` and
`text` draw it.
"""
