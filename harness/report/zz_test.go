package report
import ("testing";"os";"fmt")
func TestLook(t *testing.T){
 Table(os.Stdout,samples(),false,100); fmt.Println(); Table(os.Stdout,samples(),true,80);Table(os.Stdout,samples(),false,60)
 Show(os.Stdout,samples()[4],false);fmt.Println("-----");Show(os.Stdout,samples()[10],false);fmt.Println("-----");Show(os.Stdout,samples()[6],false);Show(os.Stdout,samples()[11],false)
 Transcript(os.Stdout,samples()[10])
}
