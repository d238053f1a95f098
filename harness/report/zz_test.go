package report
import ("testing";"os")
func TestLook(t *testing.T){
 f,_:=os.Create("/tmp/ov/page.html"); if err:=HTML(f,sampleRun,samples()); err!=nil {t.Fatal(err)}
 f.Close()
}
