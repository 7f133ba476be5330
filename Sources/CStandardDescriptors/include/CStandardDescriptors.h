// Nothing to call: what links this target has the descriptors 0, 1 and 2 open before anything else runs.
