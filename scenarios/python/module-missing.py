# An application with a module that was not installed on this machine.
import stripe_billing


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]
