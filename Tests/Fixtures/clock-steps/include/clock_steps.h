// Nothing to call: what is in here takes the place of libc's own functions.
