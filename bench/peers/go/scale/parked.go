package main

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

type crowd struct {
	gate         chan int
	ready, ended sync.WaitGroup
	sum          int64
	seen         []uintptr // each slot its goroutine's
}

func (c *crowd) wait(seen *uintptr) {
	*seen++
	c.ready.Done()
	if number, open := <-c.gate; open {
		atomic.AddInt64(&c.sum, int64(number))
	}
	c.ended.Done()
}

func (c *crowd) spawn() float64 {
	c.gate = make(chan int)
	for i := range c.seen {
		c.seen[i] = 0
	}
	begin := time.Now()
	c.ready.Add(len(c.seen))
	c.ended.Add(len(c.seen))
	for i := range c.seen {
		go c.wait(&c.seen[i])
	}
	c.ready.Wait()
	each := per(time.Since(begin), len(c.seen))
	time.Sleep(20 * time.Millisecond)
	for i, count := range c.seen {
		check(count == 1, "parked: goroutine %d ran %d times", i, count)
	}
	return each
}

// Of stacks and descriptors Go says itself what it has: stack_bytes is its StackInuse.
func parked(s *sample) {
	c := &crowd{seen: make([]uintptr, s.size)}
	for i := range c.seen {
		c.seen[i] = 1 // touched
	}
	var stats, statsBefore runtime.MemStats
	runtime.ReadMemStats(&statsBefore)
	before := memoryNow()
	s.value(c.spawn(), "spawn_ns")
	resident := s.memoryPer(before, s.size)
	runtime.ReadMemStats(&stats)
	stack := float64(stats.StackInuse-statsBefore.StackInuse) / float64(s.size)
	s.value(stack, "stack_bytes")
	s.value(stack/float64(os.Getpagesize()), "stack_pages")
	s.value(resident-stack, "other_bytes")
	begin := time.Now()
	close(c.gate)
	c.ended.Wait()
	s.value(per(time.Since(begin), s.size), "close_ns")
	check(c.sum == 0, "parked: a closed channel gave values")
	s.value(c.spawn(), "spawn_warm_ns")
	begin = time.Now()
	for i := 1; i <= s.size; i++ {
		c.gate <- i
	}
	c.ended.Wait()
	s.value(per(time.Since(begin), s.size), "send_ns")
	check(c.sum == int64(s.size)*int64(s.size+1)/2, "parked: the sum of the messages is %d", c.sum)
}

// Main is preempted after 10 ms, then some start: those wait, so that all are alive when memory is read. A goroutine has a stack from
// its birth: one that has started takes no more than one that has not.
func unstarted(s *sample) {
	check(s.workers == 1, "unstarted: with more workers than one, goroutines start")
	var started int64
	var ended sync.WaitGroup
	gate := make(chan int)
	ended.Add(s.size)
	before := memoryNow()
	begin := time.Now()
	for i := 0; i < s.size; i++ {
		go func() {
			atomic.AddInt64(&started, 1)
			<-gate
			ended.Done()
		}()
	}
	s.value(per(time.Since(begin), s.size), "spawn_ns")
	s.memoryPer(before, s.size)
	s.value(float64(atomic.LoadInt64(&started)), "started")
	begin = time.Now()
	close(gate)
	ended.Wait()
	s.value(per(time.Since(begin), s.size), "run_ns")
	check(started == int64(s.size), "unstarted: not every goroutine ran once")
}
