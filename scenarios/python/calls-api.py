# A page that needs another service.
from urllib.request import urlopen


def application(environ, start_response):
    with urlopen("http://10.0.0.9:8080/") as answer:
        answer.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]
