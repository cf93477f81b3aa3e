from llmscope.cli import main

main()
