"""The main job, shown on a real model: fetch, be killed, go on, arrive verified."""
