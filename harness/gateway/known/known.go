// Package known is all gateways that there is a driver for.
package known

import (
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

// Drivers are the gateways, in the order in which a lab looks for them in an image.
var Drivers = []gateway.Driver{nginx.Driver, apache.Driver}
