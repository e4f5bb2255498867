"""The older way, as it worked: a file a sample through Pillow, one JSON message of floats each, through RabbitMQ.

older_way.py work FOLDER SIDE            what its processor did, without the queue; prints samples a second
older_way.py process FOLDER SIDE URL Q   the same onto a queue
older_way.py train COUNT URL Q           takes that many off the queue, as its trainers do

Both of the queue's ends say that they are ready, and begin when they get a line.
"""
import json
import os
import sys
import time

import numpy
import pika
from PIL import Image

LABEL = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]


def messages(folder, side):
    for name in sorted(os.listdir(folder)):
        image = Image.open(os.path.join(folder, name)).convert("L").resize((side, side), Image.Resampling.LANCZOS)
        data = numpy.array(image, dtype=float).flatten()
        yield json.dumps({"label": LABEL, "data": data.tolist()})


def work(folder, side):
    start = time.perf_counter()
    count = sum(1 for _ in messages(folder, side))
    print(count / (time.perf_counter() - start))


def wait_for_start():
    print("ready", flush=True)
    sys.stdin.readline()


def process(folder, side, url, queue):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    persistent = pika.BasicProperties(delivery_mode=2)
    wait_for_start()
    for message in messages(folder, side):
        channel.basic_publish(exchange="", routing_key=queue, body=message, properties=persistent)
    connection.close()


def train(count, url, queue):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    wait_for_start()
    got = 0
    while got < count:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            numpy.array(json.loads(body)["data"])
            got += 1
    channel.queue_delete(queue)
    connection.close()


what, *rest = sys.argv[1:]
if what == "work":
    work(rest[0], int(rest[1]))
elif what == "process":
    process(rest[0], int(rest[1]), *rest[2:])
else:
    train(int(rest[0]), *rest[1:])
