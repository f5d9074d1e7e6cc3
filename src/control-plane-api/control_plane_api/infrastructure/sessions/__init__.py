"""Sessions of signed-in browsers: the tokens stay here, the browser has a cookie."""
