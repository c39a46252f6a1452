"""The parts of the lying Hub behind ``tests.support.fault_hub``, one sentence a module."""
