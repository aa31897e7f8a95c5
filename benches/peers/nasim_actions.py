"""seglab beside NASim, the simulator that learning agents are trained in, on the same scenarios, in one run.

An attacker picks actions at random, of all those that NASim offers, until the goal is reached; how many it takes has to be the
same in both, within four standard errors. Then seglab's best plan is played in NASim, each action until it works: it has to
reach the goal, and to cost what seglab says, within four standard errors. Prints a row of a table for each scenario:
processor time, and the ratio. Exit 1 if anything differs.

    python nasim_actions.py SEGLAB ATTACKER_ACTIONS SCENARIO ...
"""

import json
import math
import random
import subprocess
import sys
import time
from pathlib import Path

import nasim
import numpy

EPISODES = 200
EPISODES_HERE = 20_000
STEPS = 10_000
PLAYED = 2_000


def random_attacker(env):
    """Actions, processor time, and the actions that each won episode took."""
    draw = random.Random(1)
    count, taken, won = env.action_space.n, 0, []
    start = time.process_time()
    for _ in range(EPISODES):
        env.reset()
        for step in range(1, STEPS + 1):
            done = env.step(draw.randrange(count))[2]
            if done:
                won.append(step)
                break
        taken += step
    return taken, time.process_time() - start, won


def estimate(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def planned(env, seglab, scenario):
    """NASim's actions for seglab's plan, and what the plan costs in expectation."""
    told = subprocess.run([seglab, "paths", scenario, "--format", "json"], capture_output=True, check=True, text=True)
    goal = json.loads(told.stdout)["goals"][-1]
    plan = next(plan for plan in goal["plans"] if "expected-cost" in plan["best_by"])
    actions = []
    for step in plan["steps"]:
        on = step.get("target") or step["by"]
        name = step.get("with", "subnet_scan").removesuffix(" from within")
        address = tuple(int(part) for part in on.split("-")[1:])
        wanted = [one for one in env.action_space.actions if one.target == address and one.name == name]
        actions.append(env.action_space.actions.index(wanted[0]))
    return actions, goal["expected_cost"]


def play(env, actions):
    """The cost of playing the plan once, each action until it works."""
    env.reset()
    cost = 0
    for action in actions:
        while True:
            _, _, done, _, info = env.step(action)
            cost += env.action_space.actions[action].cost
            if info["success"]:
                break
    if not done:
        sys.exit("the plan does not reach the goal")
    return cost


def main():
    seglab, attacker, *scenarios = sys.argv[1:]
    print("| scenario | NASim \\[actions/s\\] | seglab \\[actions/s\\] | ratio | actions to win, NASim | seglab | plan in NASim | seglab |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for scenario in scenarios:
        numpy.random.seed(1)
        env = nasim.load(scenario)
        taken, seconds, won = random_attacker(env)
        command = [attacker, scenario, str(env.action_space.n), str(EPISODES_HERE), str(STEPS)]
        own = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        there, here = taken / seconds, own["actions"] * 1e9 / own["processor_ns"]
        mean, error = estimate(won)
        if abs(mean - own["mean"]) > 4 * math.hypot(error, own["error"]):
            sys.exit(f"{scenario}: {mean:.1f} ± {error:.1f} actions to win there, {own['mean']:.1f} ± {own['error']:.1f} here")
        actions, cost = planned(env, seglab, scenario)
        played, inexact = estimate([play(env, actions) for _ in range(PLAYED)])
        if abs(played - cost) > 4 * inexact + 1e-9:
            sys.exit(f"{scenario}: the plan costs {played:.3f} ± {inexact:.3f} there, {cost:.3f} here")
        print(
            f"| {Path(scenario).stem} | {there:,.0f} | {here:,.0f} | {here / there:,.0f} | {mean:.0f} ± {error:.0f} "
            f"| {own['mean']:.1f} ± {own['error']:.1f} | {played:.2f} ± {inexact:.2f} | {cost:.2f} |",
            flush=True,
        )


main()
