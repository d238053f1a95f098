package lab

import (
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// containerOf returns a container that we have made for testcontainers to start, stop and remove, over our own connection
// to the engine.
//
// It is put together by hand, and the container is not made by testcontainers either, because a provider that makes
// containers obeys what is global to the process: it takes the engine from DOCKER_HOST, writes to the default logger, and
// runs a reaper unless TESTCONTAINERS_RYUK_DISABLED says otherwise. All of that is for the program to decide that this
// library is a part of, which may use testcontainers for containers of its own. Besides, a provider connects what it makes
// to a network of its own where the engine has none called "bridge", and a lab is connected to none.
func containerOf(api *client.Client, id string) testcontainers.Container {
	p := &testcontainers.DockerProvider{DockerProviderOptions: &testcontainers.DockerProviderOptions{
		GenericProviderOptions: &testcontainers.GenericProviderOptions{Logger: silent{}},
	}}
	p.SetClient(lasting{api})
	c := &testcontainers.DockerContainer{ID: id}
	c.SetProvider(p)
	c.SetLogger(silent{})
	return c
}

// lasting is a connection whose idle sockets are kept: testcontainers closes them after each call.
type lasting struct{ client.APIClient }

func (lasting) Close() error { return nil }

type silent struct{}

func (silent) Printf(string, ...any) {}
