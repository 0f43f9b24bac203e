from deconv_grader.cli.app import main

main()
