"""Policies that go wrong in one episode, once: the file named by the environment variable remembers that it happened."""

import os
import signal
import threading
from pathlib import Path

import numpy as np


class _Once:
    needs_images = False
    task_id, init = 0, 1

    def reset(self, episode):
        self.here = (episode.task_id, episode.init) == (self.task_id, self.init)

    def infer(self, observation):
        done = Path(os.environ["FAULTY_POLICY_DONE"])
        if self.here and observation.step == 2 and not done.exists():
            done.touch()
            return self.go_wrong()
        return np.zeros(7)


class KilledOnce(_Once):
    def go_wrong(self):
        os.kill(os.getpid(), signal.SIGKILL)


class HangsOnce(_Once):
    def go_wrong(self):
        threading.Event().wait()


class NaNOnce(_Once):
    def go_wrong(self):
        return np.full(7, np.nan)


class AlwaysWrong:
    needs_images = False

    def infer(self, observation):
        return [1.0, 2.0, 3.0]


class SignalsReady:
    """Says by a file that an episode is under way, then waits to be killed."""

    needs_images = False

    def infer(self, observation):
        done = Path(os.environ["FAULTY_POLICY_DONE"])
        if (self.episode.task_id, self.episode.init) == (0, 1) and observation.step == 2 and not done.exists():
            done.touch()
            threading.Event().wait()
        return np.zeros(7)

    def reset(self, episode):
        self.episode = episode
