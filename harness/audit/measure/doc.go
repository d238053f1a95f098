// Package measure checks a gateway's config: it runs it in a lab, finds the routes from clients to upstreams by reading and by
// what the gateway really calls, breaks each upstream in each way, and reports what clients get.
package measure
