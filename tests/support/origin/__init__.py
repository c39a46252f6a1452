"""The parts of the scriptable origin behind ``tests.support.fault_server``, one sentence a module."""
