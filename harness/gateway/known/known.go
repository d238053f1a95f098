// Package known is all gateways that there is a driver for.
package known

import (
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/caddy"
	"github.com/badgateway/badgateway/harness/gateway/haproxy"
	"github.com/badgateway/badgateway/harness/gateway/lighttpd"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/gateway/squid"
	"github.com/badgateway/badgateway/harness/gateway/trafficserver"
	"github.com/badgateway/badgateway/harness/gateway/varnish"
)

// Drivers are the gateways, in the order in which a lab looks for them in an image.
var Drivers = []gateway.Driver{nginx.Driver, apache.Driver, haproxy.Driver, lighttpd.Driver, caddy.Driver, squid.Driver, trafficserver.Driver, varnish.Driver}
