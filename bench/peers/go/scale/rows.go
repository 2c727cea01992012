package main

import (
	"sync"
	"sync/atomic"
	"time"
)

const claimed = 1000

type arrivals struct {
	left          sync.WaitGroup
	claims        int64
	received, sum int64
}

func (a *arrivals) claim() int64 { return atomic.AddInt64(&a.claims, -1) }

func (a *arrivals) leave(received, sum int) {
	atomic.AddInt64(&a.received, int64(received))
	atomic.AddInt64(&a.sum, int64(sum))
	a.left.Done()
}

func (a *arrivals) verify(name string, received, sum int) {
	check(a.received == int64(received) && a.sum == int64(sum), "%s: %d messages with the sum %d, not %d with %d", name,
		a.received, a.sum, received, sum)
}

func rowsPingPong(units int) time.Duration {
	there, back := make(chan int), make(chan int)
	var a arrivals
	a.left.Add(1)
	begin := time.Now()
	go func() {
		received, sum := 0, 0
		for value := range there {
			received++
			sum += value
			back <- value
		}
		a.leave(received, sum)
	}()
	for i := 0; i < units; i++ {
		there <- i
		value := <-back
		check(value == i, "ping_pong: %d came back as %d", i, value)
	}
	took := time.Since(begin)
	close(there)
	a.left.Wait()
	a.verify("ping_pong", units, units*(units-1)/2)
	return took
}

func rowsChanSync(units int) time.Duration {
	channel := make(chan int)
	a := arrivals{claims: int64(units / claimed)}
	a.left.Add(2)
	task := func() {
		received, sum := 0, 0
		for claim := a.claim(); claim >= 0; claim = a.claim() {
			for i := 1; i <= claimed; i++ {
				if claim%2 == 0 {
					sum += <-channel
					channel <- i
				} else {
					channel <- i
					sum += <-channel
				}
				received++
			}
		}
		a.leave(received, sum)
	}
	begin := time.Now()
	go task()
	go task()
	a.left.Wait()
	took := time.Since(begin)
	a.verify("chan_sync", units, units/claimed*claimed*(claimed+1)/2)
	return took
}

func rowsWork(seed *int, work int) {
	x := *seed
	for i := 0; i < work; i++ {
		x *= 2
		x /= 2
	}
	*seed = x
}

func rowsProdCons(capacity, work, workers, units int) time.Duration {
	channel := make(chan int, capacity)
	a := arrivals{claims: int64(units / claimed)}
	a.left.Add(2 * workers)
	begin := time.Now()
	for i := 0; i < workers; i++ {
		go func() {
			seed := 1
			for a.claim() >= 0 {
				for i := 1; i <= claimed; i++ {
					rowsWork(&seed, work)
					channel <- i
				}
			}
			channel <- 0 // one for each consumer
			a.leave(0, 0)
			check(seed == 1, "prod_cons: the work went wrong")
		}()
		go func() {
			seed, received, sum := 1, 0, 0
			for value := <-channel; value != 0; value = <-channel {
				rowsWork(&seed, work)
				received++
				sum += value
			}
			a.leave(received, sum)
			check(seed == 1, "prod_cons: the work went wrong")
		}()
	}
	a.left.Wait()
	took := time.Since(begin)
	a.verify("prod_cons", units, units/claimed*claimed*(claimed+1)/2)
	return took
}

func rows(s *sample) {
	s.value(s.perUnit(1, rowsPingPong), "ping_pong_ns")
	s.value(s.perUnit(2*claimed, rowsChanSync), "chan_sync_ns")
	for _, work := range []int{0, 100} {
		suffix := ""
		if work != 0 {
			suffix = "work_"
		}
		for _, capacity := range []int{0, 10, 100} {
			each := s.perUnit(claimed, func(units int) time.Duration {
				return rowsProdCons(capacity, work, s.workers, units)
			})
			s.value(each, "prod_cons_%s%d_ns", suffix, capacity)
		}
	}
}
