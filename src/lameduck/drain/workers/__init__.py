"""What fetches its work by itself: task queues, consumers, pools. One file each; there is no lame duck for any."""
