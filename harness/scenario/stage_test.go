package scenario

import (
	"reflect"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
)

func TestWithoutWaits_KeepsThoseByHand(t *testing.T) {
	stop := fault.Stop{Upstream: "app"}
	expired := fault.Wait{For: time.Minute, ByHand: true}
	got := withoutWaits([]fault.Fault{stop, fault.Wait{For: time.Second}, expired})
	if want := []fault.Fault{stop, expired}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
