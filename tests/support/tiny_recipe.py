"""A recipe that trains in seconds."""

TINY = """
name = "tiny"
seed = 7
classes = [
    "background", "fat", "muscle", "bone", "lung", "liver", "spleen", "kidney",
    "stomach", "bowel", "gallbladder", "heart", "artery", "vein", "other",
]
[network]
dims = 3
base_features = 4
depth = 3
[preprocessing]
spacing_mm = [4.0, 4.0, 4.0]
windows = [{ level = 40, width = 400 }, { level = -200, width = 1600 }]
[sample]
kind = "organs"
shape = [64, 64, 16]
per_body = 8
[optimizer]
steps = 4
batch = 1
processes = 1
learning_rate = 1e-2
weight_decay = 1e-4
warmup_steps = 2
average_decay = 0.5
label_smoothing = 0.02
clip_norm = 2.0
[validation]
samples = 2
every = 2
"""
