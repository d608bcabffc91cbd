using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace AdaptFormer.Tools.Code;

/// <summary>Lists using directives that no name of their file needs, and takes them out if asked to.</summary>
internal static class UnusedUsings
{
    public static int Run(string[] args)
    {
        bool fix = args is ["--fix"];
        SourceTree source = SourceTree.Open(DocumentationMode.Diagnose);
        int found = 0;
        foreach (SyntaxTree tree in source.Files)
        {
            UsingDirectiveSyntax[] unused = [.. source.Compilation.GetSemanticModel(tree).GetDiagnostics()
                .Where(diagnostic => diagnostic.Id == "CS8019")
                .Select(diagnostic => tree.GetRoot().FindNode(diagnostic.Location.SourceSpan).FirstAncestorOrSelf<UsingDirectiveSyntax>())
                .OfType<UsingDirectiveSyntax>()];
            found += unused.Length;
            foreach (UsingDirectiveSyntax directive in unused) Console.WriteLine($"{tree.FilePath}: {directive}");
            if (fix && unused.Length > 0)
                File.WriteAllText(Path.Combine(source.Root, tree.FilePath), tree.GetRoot().RemoveNodes(unused, SyntaxRemoveOptions.KeepNoTrivia)!.ToFullString());
        }

        Console.WriteLine($"{found} unused");
        return found == 0 || fix ? 0 : 1;
    }
}
