"""One server and its queue (M/M/1) beside simpy and NeXosim, in turns: requests a second of one processor.

    python queues.py SEGLAB NEXOSIM LAB_FILE

`LAB_FILE` is `scenarios/closed-forms/mm1.yaml`, which seglab plays request by request, policy included; `NEXOSIM` is the
program in `benches/peers/queues`. Each is to find the mean time that theory has, 0.07 / 0.3 s. Prints a Markdown table with
medians of three rounds.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time

import simpy

MEAN = 0.07 / 0.3


def of_simpy(seconds):
    environment = simpy.Environment()
    server = simpy.Resource(environment, capacity=1)
    rng = random.Random(1)
    times = []

    def request(came):
        with server.request() as turn:
            yield turn
            yield environment.timeout(rng.expovariate(1 / 0.07))
        times.append(environment.now - came)

    def arrivals():
        while True:
            yield environment.timeout(rng.expovariate(10))
            environment.process(request(environment.now))

    environment.process(arrivals())
    start = time.process_time()
    environment.run(until=seconds)
    return len(times), sum(times) / len(times), time.process_time() - start


def of_nexosim(program, seconds):
    found = json.loads(subprocess.run([program, str(seconds)], check=True, capture_output=True).stdout)
    return found["requests"], found["mean_s"], found["took_s"]


def of_seglab(program, design, seconds):
    with tempfile.TemporaryDirectory() as folder:
        timings = f"{folder}/timings.json"
        found = subprocess.run(
            [program, "simulate", design, "--replicas", "1", "--threads", "1", "--horizon", f"{seconds}s",
             "--traffic", "every-request", "--format", "json", "--timings", timings],
            check=True, capture_output=True,
        )
        with open(timings, encoding="utf-8") as file:
            took = json.load(file)["phases_ns"]["run"] / 1e9
    replica = json.loads(found.stdout)["designs"][0]["replicas"][0]
    requests = replica["needs"][0]["delivered"]
    return requests, replica["latencies"][0]["sum_ns"] / 1e9 / requests, took


def main():
    seglab, nexosim, design = sys.argv[1:]
    peers = {
        "seglab": lambda: of_seglab(seglab, design, 500_000),
        "NeXosim 1.0": lambda: of_nexosim(nexosim, 500_000),
        f"simpy {simpy.__version__}": lambda: of_simpy(20_000),
    }
    rates = {name: [] for name in peers}
    for _ in range(3):
        for name, play in peers.items():
            requests, mean, took = play()
            # A tenth is far more than chance moves the mean of so many.
            if abs(mean / MEAN - 1) > 0.1:
                sys.exit(f"{name}: requests took {mean} s on average, and theory has {MEAN}")
            rates[name].append(requests / took)
    own = statistics.median(rates["seglab"])
    print("| M/M/1 by | requests a second | seglab's, times |")
    print("| --- | --- | --- |")
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"| {name} | {rate:,.0f} | {own / rate:.1f} |")


if __name__ == "__main__":
    main()
