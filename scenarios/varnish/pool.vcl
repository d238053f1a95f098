# A gateway for two servers of one application, without a cache and without probes.
vcl 4.1;

import directors;

backend app {
    .host = "10.0.0.5";
    .port = "8080";
}

backend second {
    .host = "10.0.0.6";
    .port = "8080";
}

sub vcl_init {
    new pool = directors.round_robin();
    pool.add_backend(app);
    pool.add_backend(second);
}

sub vcl_recv {
    set req.backend_hint = pool.backend();
    return (pass);
}

sub vcl_backend_fetch {
    set bereq.http.Connection = "close"; # the failure is that of a connection of the request's own
}
