from deconv_grader.cli import main

main()
