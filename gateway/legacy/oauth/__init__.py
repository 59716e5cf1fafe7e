"""Permission to use an ordinary account by OAuth: asked for once, kept, and renewed.  docs/spec/oauth.md."""
