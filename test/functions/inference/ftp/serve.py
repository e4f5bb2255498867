"""An FTP server (aioftp) for a folder: prints its port, and ends with its standard input.

    serve.py FOLDER

Anonymous may read FOLDER/public, the user "box" with the password "p@ss" all of it.
"""

import asyncio
import logging
import sys

import aioftp


async def main(folder: str) -> None:
    users = [
        aioftp.User(base_path=f"{folder}/public"),
        aioftp.User("box", "p@ss", base_path=folder),
    ]
    server = aioftp.Server(users, path_timeout=10)
    await server.start("127.0.0.1", 0)
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.close()


# A client that goes away is nothing to tell of.
for name in ("aioftp", "asyncio"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
asyncio.run(main(sys.argv[1]))
