"""What others can run or judge: a race as a litmus test."""
