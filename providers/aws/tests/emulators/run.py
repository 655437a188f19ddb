"""Runs an emulator until its starter is gone: the starter holds the other end of standard input."""

import os
import sys
import threading


def end_with_the_starter():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_the_starter, daemon=True).start()
name, port = sys.argv[1], sys.argv[2]
if name == "ministack":
    from ministack.app import main

    sys.argv = ["ministack"]
    main()
else:
    from moto.core.config import default_user_config
    from moto.server import main

    # Certificates have the ids that AWS gives them, and AWS's own policies are there: moto does so only when told to.
    default_user_config["iot"] = {"use_valid_cert": True}
    default_user_config["iam"] = {"load_aws_managed_policies": True}
    main(["-H", "127.0.0.1", "-p", port])
