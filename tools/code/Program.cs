using AdaptFormer.Tools.Code;

// Looks at the code of this repository as a compiler does: its structure, and faults planted in it.
return args switch
{
    ["structure", .. string[] rest] => StructureReport.Run(rest),
    ["usings", .. string[] rest] => UnusedUsings.Run(rest),
    ["mutants", .. string[] rest] => MutantRun.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        """
        dotnet run --project tools/code -- structure [TYPE...]          arrows, circles, lines and public types of src; what lies behind a type
        dotnet run --project tools/code -- structure --arrows           every arrow, a line each: the file that names, the file that declares
        dotnet run --project tools/code -- usings [--fix]               using directives that nothing needs
        dotnet run --project tools/code -- mutants FOLDER [options]     plants faults in the files of a folder and lists those that the tests miss
        """);
    return 2;
}
