# A gateway that knows its application by name, without a cache.
vcl 4.1;

backend app {
    .host = "app.internal";
    .port = "8080";
    .connect_timeout = 3.5s;        # these three are the defaults
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
}

sub vcl_recv {
    return (pass);
}

sub vcl_backend_fetch {
    set bereq.http.Connection = "close"; # the failure is that of a connection of the request's own
}
