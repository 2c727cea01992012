package main

import (
	"sync/atomic"
	"time"
)

// Only `task`: Go has no thread outside of its runtime. Main spins, and holds its worker, as in C.
func wake(s *sample) {
	if s.workers < 2 {
		return
	}
	const spin, limit, least = 100 * time.Microsecond, 2 * time.Second, 20
	shots, left := make(chan int64), make(chan int)
	var reply int64
	var wokenAt time.Time
	go func() {
		for shot := range shots {
			wokenAt = time.Now()
			atomic.StoreInt64(&reply, shot)
		}
		close(left)
	}()
	time.Sleep(time.Millisecond)
	taken := make([]time.Duration, 0, s.size)
	start := time.Now()
	for shot := int64(1); shot <= int64(s.size); shot++ {
		for begin := time.Now(); time.Since(begin) < spin; {
		}
		begin := time.Now()
		shots <- shot
		for atomic.LoadInt64(&reply) != shot {
		}
		taken = append(taken, wokenAt.Sub(begin))
		if shot > least && time.Since(start) > limit {
			break
		}
	}
	close(shots)
	<-left
	s.durations("task", taken)
}
