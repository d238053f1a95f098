# A page that takes all the memory that it can get.
def application(environ, start_response):
    rows = []
    while True:
        rows.append(bytearray(b"x" * (1 << 20)))
