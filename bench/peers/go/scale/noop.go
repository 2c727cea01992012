package main

import (
	"sync"
	"time"
)

func noopOnce(count int) float64 {
	var group sync.WaitGroup
	begin := time.Now()
	group.Add(count)
	for i := 0; i < count; i++ {
		go group.Done()
	}
	group.Wait()
	return per(time.Since(begin), count)
}

// Add and a deferred Done for each, which is what sync.WaitGroup.Go of newer toolchains does.
func noopEach(count int) float64 {
	var group sync.WaitGroup
	begin := time.Now()
	for i := 0; i < count; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
		}()
	}
	group.Wait()
	return per(time.Since(begin), count)
}

func noop(s *sample) {
	s.value(noopOnce(s.size), "first_ns")
	s.value(noopOnce(s.size), "warm_ns")
	s.value(noopEach(s.size), "each_ns")
}
