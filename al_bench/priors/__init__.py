"""Foundation models: encoders that turn inputs into features, and rules that turn features into
class probabilities. The only place where a foundation model runs; nothing here sees a label."""
