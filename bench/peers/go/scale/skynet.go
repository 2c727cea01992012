package main

import "time"

const children = 10

func skynetNode(parent chan int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	own := make(chan int)
	for i := 0; i < children; i++ {
		go skynetNode(own, first+i*leaves/children, leaves/children)
	}
	sum := 0
	for i := 0; i < children; i++ {
		sum += <-own
	}
	parent <- sum
}

func skynetOnce(leaves int) float64 {
	begin := time.Now()
	root := make(chan int)
	go skynetNode(root, 0, leaves)
	sum := <-root
	elapsed := time.Since(begin)
	check(sum == leaves*(leaves-1)/2, "skynet: the sum of %d leaves is %d", leaves, sum)
	return float64(elapsed.Nanoseconds())
}

// The runtime has started when main begins: cold is the first run.
func skynet(s *sample) {
	first := skynetOnce(s.size)
	s.value(first, "cold_ns")
	s.value(first, "first_ns")
	warm := make([]float64, 3)
	for i := range warm {
		warm[i] = skynetOnce(s.size)
	}
	s.value(median(warm), "warm_ns")
}
