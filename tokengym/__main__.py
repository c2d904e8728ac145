from tokengym.benchmarks.cli import main

raise SystemExit(main())
