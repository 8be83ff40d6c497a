"""An LSL outlet for tests, in a process of its own: each sample is its index, and its stamp as pushed."""

import argparse
import random
import time

import pylsl

parser = argparse.ArgumentParser()
parser.add_argument("name")
parser.add_argument("--type", default="ECG")
parser.add_argument("--source-id", default="")
parser.add_argument("--rate", type=float, default=250.0)
parser.add_argument("--labels", default="index")
parser.add_argument("--unit", default="mV")
parser.add_argument("--format", default="double64")
parser.add_argument("--true-rate", type=float, help="samples a second, where it is not the one stated")
parser.add_argument("--jitter", type=float, default=0.0, help="seconds by which stamps are late at most")
parser.add_argument("--after", type=float, default=0.0, help="seconds before the stream is there")
options = parser.parse_args()
time.sleep(options.after)

labels = options.labels.split(",")
info = pylsl.StreamInfo(
    options.name, options.type, len(labels), options.rate, options.format, options.source_id or options.name
)
channels = info.desc().append_child("channels")
for label in labels:
    channel = channels.append_child("channel")
    channel.append_child_value("label", label)
    channel.append_child_value("unit", options.unit)
outlet = pylsl.StreamOutlet(info)

start = pylsl.local_clock()
index = 0
while True:
    stamp = start + index / (options.true_rate or options.rate)
    time.sleep(max(0.0, stamp - pylsl.local_clock()))
    stamp += random.uniform(0.0, options.jitter)
    if options.format == "string":
        outlet.push_sample([str(index)] * len(labels), stamp)
    else:
        outlet.push_sample([float(index), stamp][: len(labels)], stamp)
    index += 1
