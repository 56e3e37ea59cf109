"""Prints the metrics of standard input as prometheus_client reads them, a line each."""

import sys

from prometheus_client.parser import text_fd_to_metric_families

for stream in (sys.stdin, sys.stdout):
    stream.reconfigure(encoding="utf-8")
for family in text_fd_to_metric_families(sys.stdin):
    print(family.type, family.name, repr(family.documentation))
    for sample in family.samples:
        print(sample.name, sorted(sample.labels.items()), float(sample.value))
